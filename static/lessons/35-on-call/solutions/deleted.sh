kubectl expose pod mail-1 --name=mail --port=80 --target-port=8080
