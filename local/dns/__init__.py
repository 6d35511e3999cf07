"""
A local stand-in name server: answers TXT questions over UDP from records that anybody on this machine can publish.

It is what an organization's name server is to domain claims. Every other kind of question is answered with nothing.
"""
