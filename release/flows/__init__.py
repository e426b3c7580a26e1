"""One file a pipeline: gather the world, plan, execute."""
