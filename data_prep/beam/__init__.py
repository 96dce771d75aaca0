"""The only folder that knows Beam: transforms, engines, and the flags the commands share."""
