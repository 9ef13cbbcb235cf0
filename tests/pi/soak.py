"""Runs `duel clock` for a day of its time at 1,000 times the speed, and prints its resident memory ten times. Usage: soak.py DUEL [SECONDS]"""
import os
import pty
import select
import sys
import termios
import time

program, seconds = sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 86.4
child, terminal = pty.fork()
if child == 0:
    os.environ["TERM"] = "xterm-256color"
    os.execv(program, [program, "clock", "--model", "digits", "--speed", "1000"])
termios.tcsetwinsize(terminal, (24, 80))


def resident():
    for line in open(f"/proc/{child}/status"):
        if line.startswith("VmRSS"):
            return int(line.split()[1])


start, figures, written = time.monotonic(), [], 0
while time.monotonic() - start < seconds:
    if select.select([terminal], [], [], 0.05)[0]:
        written += len(os.read(terminal, 1 << 16))
    if time.monotonic() - start > (len(figures) + 1) * seconds / 10:
        figures.append(resident())
        print(f"{len(figures) * seconds / 10 / 3.6:5.1f} h shown: {figures[-1]} kB", flush=True)
os.write(terminal, b"q")
while True:
    try:
        if not os.read(terminal, 1 << 16):
            break
    except OSError:
        break
_, status = os.waitpid(child, 0)
print(f"{written >> 10} KiB written; grew {figures[-1] - figures[0]} kB from the first tenth to the last")
sys.exit(status != 0 or figures[-1] > 1.05 * figures[0])
