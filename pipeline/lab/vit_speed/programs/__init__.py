"""Programs that train the same vision transformer, see `measured_program`."""
