"""`heliograph doctor`: what stands between this machine, its server and its peers."""

from heliograph.cli.doctor.command import doctor

__all__ = ["doctor"]
