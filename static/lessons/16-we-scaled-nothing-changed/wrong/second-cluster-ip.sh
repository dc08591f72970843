kubectl scale deployment web --replicas=5
kubectl expose deployment web --name=web-pods --port=8080
