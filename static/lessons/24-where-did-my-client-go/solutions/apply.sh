kubectl get service web -o yaml | sed 's/externalTrafficPolicy: Cluster/externalTrafficPolicy: Local/' | kubectl apply -f -
