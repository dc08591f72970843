kubectl scale deployment web --replicas=5
kubectl create service clusterip web-pods --clusterip=None --tcp=8080
kubectl set selector service web-pods app=web
