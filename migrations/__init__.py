"""The history of the database's schema; README.md beside this file is for DBAs."""
