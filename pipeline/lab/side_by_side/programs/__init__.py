"""What runs in the interpreters of other libraries, which have this folder but not our packages."""
