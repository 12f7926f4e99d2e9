"""A mutation test: small faults are put into a copy of the engine, and each must make some test fail.

    ``mutate``  which faults can be put into a file
    ``reach``   a copy of the tree, and which tests call which functions
    ``run``     runs the tests that reach a fault
    ``python -m tests.mutants``, which ``make mutants`` calls: takes a sample, and prints what no test noticed

docs/testing.md says why the tools that exist were not taken, and what the last run found.
"""
