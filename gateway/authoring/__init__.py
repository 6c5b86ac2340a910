"""For whoever writes a profile: `check` says what is wrong with one, `starter` begins one."""
