"""What every domain module speaks: events, errors, time, quantities and the ports of the surroundings."""
