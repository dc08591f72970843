# create service clusterip selects app=NAME, which is what the pods have.
kubectl create service clusterip web --tcp=80:8080
