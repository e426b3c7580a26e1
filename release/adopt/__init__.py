"""The room of adoption: what a project has, and what it takes to release it. Pure."""
