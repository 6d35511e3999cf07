"""A stand-in for a mail server and everybody's mailbox: takes every mail by SMTP, delivers none, and shows all."""
