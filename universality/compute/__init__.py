"""How work is done: devices, threads, bars and deadlines."""
