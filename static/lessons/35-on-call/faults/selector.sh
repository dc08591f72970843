# A typo in a selector.
kubectl set selector service cart app=cartt
