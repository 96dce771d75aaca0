"""The programs that are measured: scripts, each run by the Python that has its library."""
