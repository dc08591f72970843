# In a cluster: change the app's configuration, HOST=0.0.0.0 or the like.
kubectl annotate pod app-1 packetwalk.dev/listen=0.0.0.0:8080/tcp --overwrite
