# The Service asks for the label that the pods have.
kubectl set selector service web app=web
