"""Names, configurations and registration of objects, whatever they are."""
