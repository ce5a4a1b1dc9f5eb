"""From command lines and environment to frozen settings: flags, recipes, public tasks, tasks of the user's own."""
