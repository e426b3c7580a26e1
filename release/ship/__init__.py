"""Pure: a decision and the state of the world in, the plan, edits and checks of a release out."""
