"""Replaces a text in a file as a person does it with nano: nano.py FILE FROM TO. Waits for each prompt before it types."""

import os
import pty
import select
import sys

path, old, new = sys.argv[1:]
child, screen = pty.fork()
if child == 0:
    os.environ["TERM"] = "xterm"
    os.execvp("nano", ["nano", "--ignorercfiles", path])

seen = ""


def wait_for(*words):
    """Which of the words the screen shows first, of what has come since the last answer."""
    global seen
    while True:
        found = [word for word in words if word in seen]
        if found:
            seen = ""
            return found[0]
        if not select.select([screen], [], [], 10)[0]:
            os.kill(child, 9)
            sys.exit(f"nano shows none of {words}: {seen!r}")
        seen += os.read(screen, 65536).decode(errors="replace")


def type_in(keys):
    os.write(screen, keys.encode())


wait_for("GNU nano")
type_in("\x1c")
wait_for("to replace)")
type_in(old + "\r")
wait_for("Replace with")
type_in(new + "\r")
wait_for("this instance")
type_in("a")
wait_for("Replaced")
type_in("\x0f")
wait_for("File Name to Write")
type_in("\r")
# Status was written while the file was open: nano asks, and a person says yes.
while wait_for("Wrote", "ontinue saving") != "Wrote":
    type_in("y")
type_in("\x18")
os.waitpid(child, 0)
