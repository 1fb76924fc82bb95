"""The `shadowbench` command.

1. `main`        finds the command, turns every error into one line and an exit code
2. `commands`    one module per command
3. `settings`    a configuration from a file or from options
   `policies`, `judges`  can policy and judge of it work, and what do they do in words?
   `forecast`, `judging_forecast`  what it would copy and ask per day, and what that costs
   `admin_client` asks the admin port of a running `serve`
   `labelling`   files of labels and blind sheets
4. `supervisor`  what `serve` runs: sockets, roles, admin port
5. `role`        what each role's process runs
6. `docs`        reference pages made from the sources (`settings_page` makes the longest)
"""
