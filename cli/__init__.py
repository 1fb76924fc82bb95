"""The `shadowbench` command.

1. `main`        finds the command, turns every error into one line and an exit code
2. `commands`    one module per command
3. `settings`    a configuration from a file or from options
   `admin_client` asks the admin port of a running `serve`
4. `supervisor`  what `serve` runs: sockets, roles, admin port
5. `role`        what each role's process runs
6. `docs`        reference pages made from the sources (`settings_page` makes the longest)
"""
