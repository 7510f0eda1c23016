"""Running the runners: their output kept, their ends understood."""

import sys

from tools.process import stream


def test_output_and_errors_are_one_text_in_order() -> None:
    program = "import sys; print('one', flush=True); print('two', file=sys.stderr); sys.exit(3)"
    outcome = stream([sys.executable, "-c", program], timeout=30.0)
    assert (outcome.exit_code, outcome.output) == (3, "one\ntwo\n")


def test_a_program_that_does_not_exist_is_an_exit_code() -> None:
    assert stream(["/nonexistent/program"], timeout=1.0).exit_code == 127


def test_a_program_that_hangs_is_killed_with_its_children() -> None:
    outcome = stream(["sh", "-c", "echo up; sleep 60; echo down"], timeout=2.0)
    assert outcome.exit_code < 0
    assert outcome.output == "up\n"


def test_the_environment_is_extended() -> None:
    program = "import os; print(os.environ['EXTRA'], 'PATH' in os.environ)"
    outcome = stream([sys.executable, "-c", program], timeout=30.0, environment={"EXTRA": "yes"})
    assert outcome.output == "yes True\n"
