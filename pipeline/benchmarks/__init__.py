"""`mnemosyne bench`: measurements that anyone can repeat; `bench` chooses the suite.

`prepare` runs contestants side by side on one core, each in a process of its own: `contestant` runs
a program and `measured_call` is what measures it from inside; `google_bert` drives the program of
others. `memory` stores patterns in the optimizer's memory: `memory_recall` asks for them,
`memory_sweeps` does so over every size, `memory_plots` draws it.
"""
