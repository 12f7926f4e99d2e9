"""Our qpsmtpd plugins, spoken to through SMTP in Debian's qpsmtpd."""
