"""Run where nothing but the Python SDK's wheel is installed: it imports whole, and its command runs."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import heliograph

for name in heliograph.__all__:
    getattr(heliograph, name)
if find_spec("heliograph_server") is not None:
    raise SystemExit("The SDK brought the server along")
command = Path(sys.executable).with_name("heliograph")
subprocess.run([command, "--help"], stdout=subprocess.DEVNULL, check=True)
