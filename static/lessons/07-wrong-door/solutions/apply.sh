kubectl get service api -o yaml | sed 's/targetPort: 8081/targetPort: 8080/' | kubectl apply -f -
