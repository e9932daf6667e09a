"""The observer: reads the public feeds that it is entitled to, and shows what they add up to. It says nothing to
anybody, and no case waits for it."""
