"""One process per library. Each reads case names and answers with seconds per step."""
