"""What a run leaves behind and shows, and the check of a machine before one."""
