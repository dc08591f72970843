kubectl create service clusterip api -n shop --tcp=80:8080
