"""Where runs happen: the RQ worker, the runtime that wires ports to adapters, the scheduler, embedded servers."""
