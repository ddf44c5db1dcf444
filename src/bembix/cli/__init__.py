"""The command `bembix`: one file a subcommand, none of which imports another."""
