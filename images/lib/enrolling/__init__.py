"""
Enrollment by Wazuh's own protocol: ends the TLS of machines on 1515 and asks the edge about each line.

Runs on what the official image has: Python 3.9 or newer, with nothing but its standard library. authd takes no part in
it: it knows neither tokens nor which agents there are, and keeps to its local socket.
"""
