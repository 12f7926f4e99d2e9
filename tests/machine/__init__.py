"""What makes a machine a mail server, tries its mail, and takes it away: esmith setup, trial-mail and remove."""
