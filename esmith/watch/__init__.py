"""``esmith watch``: notice what changes below a root, and show or do what follows from it.

What changed is always found by comparing: the trees with their state before, the outputs with what was installed.
inotify only tells that it is time to compare. So an event that is lost, late or told twice makes no difference.
"""
