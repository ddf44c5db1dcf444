"""Other libraries' interfaces, offered on top of Bembix, so that programs written for them run unchanged."""
