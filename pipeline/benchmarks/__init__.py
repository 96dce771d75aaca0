"""`mnemosyne bench`: contestants side by side on one core, each in a process of its own.

`bench` chooses the suite, `prepare` is one; `contestant` runs a program and `measured_call` is what
measures it from inside; `google_bert` drives the program of others.
"""
