"""The launcher: the whole product on one machine, without an account, a container engine or a server to install."""
