"""What plays stems and shows their pitches in a browser, and the page that has both inside."""
