"""``esmith watch``: notice what changes below a root, and show or do what follows from it.

What changed is always found by comparing: the trees with their state before, the outputs with what was installed.
inotify only gives the time to compare. So a notice that is lost, late or comes twice makes no difference.
"""
