"""The data plane: client connection, primary leg, relay. The client waits here."""
