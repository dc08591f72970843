# Change the manifest, and apply it.
kubectl get service api -o yaml | sed 's/targetPort: 8080/targetPort: 9090/' | kubectl apply -f -
