"""PostgreSQL and Redis as part of the installation: found, set up, started, shared, recovered and stopped by us.

places.py            where the data lies, and as whom the servers run
binaries.py          which programs to use: those of the wheels, else those of the machine
processes.py         who is alive, who is ours, how to stop it
postgres_server.py, redis_server.py
servers.py           both together, shared by all commands on one data folder
guardian.py          stops the servers when the last command on the data folder has died
secrets_file.py      passwords and keys of the installation
instance.py          the running `heddle up` of a data folder
"""
