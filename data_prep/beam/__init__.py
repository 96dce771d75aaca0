"""The only folder that imports Beam: the pipeline, its engines, and the flags of the commands."""
