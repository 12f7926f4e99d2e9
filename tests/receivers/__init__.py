"""Who gets mail: the generated files, read by the rules of qmail and qpsmtpd, have to agree."""
