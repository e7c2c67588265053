"""The command `ssn3d`: one module a command, with its options (`add_arguments`) and its `run`.

Arguments come in; files, printed results and log lines go out. Modules import what `run` needs
inside it: some of that takes seconds, and `ssn3d --help` shall not wait for it.
"""
